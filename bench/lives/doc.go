// Package lives measures whole lives of operations through a Manager: started,
// reported on twice, completed, and observed by a waiter that is there before the
// end. It compares them with what one writes by hand, and with a job queue.
package lives
