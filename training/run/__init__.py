"""What every training run needs: ranks, device, resume points, journal, schedules, speed."""
