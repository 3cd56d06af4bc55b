"""The study in words: the report's opening page, the methods section with its references, and tables as pages."""
