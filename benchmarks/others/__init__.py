"""Other stream libraries doing the same job, each in an environment of its own."""
