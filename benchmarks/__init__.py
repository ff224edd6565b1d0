"""`make bench`: what one run on one machine measures, contender beside contender."""
