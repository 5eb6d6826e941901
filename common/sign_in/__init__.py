"""How people sign in: by address and password, and through identity providers; their browsers' sessions."""
