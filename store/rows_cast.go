package store

import (
	"database/sql/driver"
	"unsafe"
)

// asAny views a driver's row as []any without a copy: driver.Value is declared as any.
func asAny(v []driver.Value) []any {
	return unsafe.Slice((*any)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}
