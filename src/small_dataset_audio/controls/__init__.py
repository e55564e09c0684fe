"""Controls that mean something: for now what a sound is measured by."""
