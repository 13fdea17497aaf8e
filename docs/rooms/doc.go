// Rooms compares the imports of the packages with the table in docs/rooms.md (its test does) and draws them
// (make diagram runs it).
package main
