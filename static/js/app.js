/* The one script of every page: starts each helper. All of them enhance; none is needed to get work done. */

import { startClipped } from "./clipped.js";
import { startClocks } from "./clock.js";
import { startDialogs } from "./dialogs.js";
import { startKeyboard } from "./keyboard.js";
import { startRequests } from "./requests.js";
import { startSelecting } from "./select.js";
import { startThemeSwitch } from "./theme.js";
import { startToasts } from "./toast.js";
import { keepTyping } from "./unsaved.js";

startThemeSwitch();
startDialogs();
startToasts();
startClocks();
startClipped();
startSelecting();
startKeyboard();
startRequests();
keepTyping();
