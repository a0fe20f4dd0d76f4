"""`fastgrasp view` for grasp sets: a page in the browser, and sheets of pictures."""
