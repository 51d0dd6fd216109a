"""What stands between the internet and the app: which routes answer, how much they take, what they say."""
