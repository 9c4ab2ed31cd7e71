"""What is said on GitHub: texts and values made from what is stored, without any I/O."""
