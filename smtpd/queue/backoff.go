package queue

import "time"

// retryAfter is how long a delivery waits after its n-th try.
func (q *Queue) retryAfter(n int) time.Duration {
	return q.spread(doubled(firstRetry, lastRetry, n))
}

// pauseAfter is how long a destination is left alone after n tries in a row that did not reach it.
func (q *Queue) pauseAfter(n int) time.Duration {
	return q.spread(doubled(firstPause, lastPause, n))
}

// doubled is first, twice as much for each n after 1, and at most last.
func doubled(first, last time.Duration, n int) time.Duration {
	d := first
	for i := 1; i < n && d < last; i++ {
		d *= 2
	}
	return min(d, last)
}

// spread makes d shorter or longer by chance, so that what failed together does not come again together.
func (q *Queue) spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*q.chance()))
}
