"""Points that customers earn with their purchases."""
