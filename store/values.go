package store

import (
	"errors"
	"fmt"
	"math"
	"reflect"
)

// ErrNoRows: the query had no row.
var ErrNoRows = errors.New("no rows")

// sqlValue makes int64, string, []byte, float64 or nil of a parameter: what both drivers take.
func sqlValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64, string, float64:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case bool:
		return boolValue(v), nil
	case uint64:
		return unsignedValue(v)
	case BlobID:
		return int64(v), nil
	case Hash:
		return v[:], nil
	}
	return reflectedValue(reflect.ValueOf(v))
}

func boolValue(b bool) any {
	if b {
		return int64(1)
	}
	return int64(0)
}

func unsignedValue(u uint64) (any, error) {
	if u > math.MaxInt64 {
		return nil, fmt.Errorf("parameter %d does not fit a database integer", u)
	}
	return int64(u), nil
}

// reflectedValue is for named types and pointers.
func reflectedValue(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsignedValue(v.Uint())
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		return boolValue(v.Bool()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return sqlValue(v.Elem().Interface())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return sqlValue(v.Bytes())
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return b, nil
		}
	}
	return nil, fmt.Errorf("parameter of type %s", v.Type())
}

// scanValue stores v, one of int64, float64, string, []byte, bool or nil, where dest points to.
func scanValue(dest, v any) error {
	switch d := dest.(type) {
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *int:
		if n, ok := v.(int64); ok {
			*d = int(n)
			return nil
		}
	case *uint32:
		if n, ok := v.(int64); ok && n >= 0 && n <= math.MaxUint32 {
			*d = uint32(n)
			return nil
		}
	case *uint64:
		if n, ok := v.(int64); ok && n >= 0 {
			*d = uint64(n)
			return nil
		}
	case *bool:
		if n, ok := v.(int64); ok {
			*d = n != 0
			return nil
		}
	case *BlobID:
		if n, ok := v.(int64); ok {
			*d = BlobID(n)
			return nil
		}
	case *string:
		switch v := v.(type) {
		case string:
			*d = v
			return nil
		case []byte:
			*d = string(v)
			return nil
		}
	case *[]byte:
		return scanBytes(d, v)
	case *Hash:
		if b, ok := v.([]byte); ok && len(b) == len(d) {
			copy(d[:], b)
			return nil
		}
	}
	return scanReflected(dest, v)
}

// scanBytes hands over what the driver has copied; NULL gives nil.
func scanBytes(d *[]byte, v any) error {
	switch v := v.(type) {
	case nil:
		*d = nil
	case []byte:
		*d = v
	case string:
		*d = []byte(v)
	default:
		return fmt.Errorf("scan %T into bytes", v)
	}
	return nil
}

// scanReflected is for named types, pointers to pointers (NULL) and everything that does not fit.
func scanReflected(dest, v any) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("scan into %T, want a pointer", dest)
	}
	d := p.Elem()
	if d.Kind() == reflect.Pointer {
		if v == nil {
			d.SetZero()
			return nil
		}
		n := reflect.New(d.Type().Elem())
		if err := scanValue(n.Interface(), v); err != nil {
			return err
		}
		d.Set(n)
		return nil
	}
	switch v := v.(type) {
	case int64:
		switch {
		case d.CanInt() && !d.OverflowInt(v):
			d.SetInt(v)
			return nil
		case d.CanUint() && v >= 0 && !d.OverflowUint(uint64(v)):
			d.SetUint(uint64(v))
			return nil
		case d.CanFloat():
			d.SetFloat(float64(v))
			return nil
		case d.Kind() == reflect.Bool:
			d.SetBool(v != 0)
			return nil
		}
	case float64:
		if d.CanFloat() {
			d.SetFloat(v)
			return nil
		}
	case string:
		return scanReflectedText(d, []byte(v))
	case []byte:
		return scanReflectedText(d, v)
	}
	return fmt.Errorf("scan %T into %s", v, d.Type())
}

func scanReflectedText(d reflect.Value, b []byte) error {
	switch {
	case d.Kind() == reflect.String:
		d.SetString(string(b))
	case d.Kind() == reflect.Slice && d.Type().Elem().Kind() == reflect.Uint8:
		d.SetBytes(b)
	case d.Kind() == reflect.Array && d.Type().Elem().Kind() == reflect.Uint8 && d.Len() == len(b):
		reflect.Copy(d, reflect.ValueOf(b))
	default:
		return fmt.Errorf("scan %d bytes into %s", len(b), d.Type())
	}
	return nil
}
