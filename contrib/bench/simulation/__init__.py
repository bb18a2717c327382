"""Two thousand logins over sixty days, some of them stolen: who is contained, and who is held up for nothing."""
