"""What is known of a face besides its picture: masks of its parts."""
