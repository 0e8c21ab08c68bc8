"""Learning from what sales decided: lift, calibration and a second opinion. Suggests; never acts by itself."""
