"""What all API views share: errors."""
