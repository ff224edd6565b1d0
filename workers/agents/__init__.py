"""The Faust shell: one file per agent, the chunks that they share, and the apps."""
