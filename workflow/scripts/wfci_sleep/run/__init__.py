"""What ties the library to a workflow: settings, the frame of a step, records of what was made, GPUs, the estimate."""
