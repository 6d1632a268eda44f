// Package database makes the databases that stores are measured on, opens stores
// on them, and does by hand what a store does, so that the two can be compared.
package database
