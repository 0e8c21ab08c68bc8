"""The pages of kept back-tests: what a draft would have done, beside what sales can take."""
