package store_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// mailLike fills b with bytes that compress about as well as mail does.
func mailLike(b []byte) {
	rand.Read(b[:len(b)/3])
	for i := len(b) / 3; i < len(b); i++ {
		b[i] = "Liebe Eltern der Klasse 7b, am Freitag faehrt der Bus um acht Uhr. "[i%67]
	}
}

func BenchmarkWrite(b *testing.B) {
	for name, parallel := range map[string]int{"single": 0, "64": 32} { // SetParallelism counts per core
		b.Run(name, func(b *testing.B) {
			s := storetest.Open(b)
			scratch(b, s)
			b.ReportAllocs()
			one := func() {
				if err := s.Write(context.Background(), insert); err != nil {
					b.Fatal(err)
				}
			}
			if parallel == 0 {
				for b.Loop() {
					one()
				}
				return
			}
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}

func insert(tx *store.Tx) error {
	_, err := tx.Exec("INSERT INTO scratch (n, data) VALUES ($1, $2)", 12345, []byte("some bytes"))
	return err
}

func BenchmarkExec(b *testing.B) {
	s := storetest.Open(b)
	scratch(b, s)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(b.N-done, 1000)
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			for range n {
				if err := insert(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		done += n
	}
}

func BenchmarkReadRow(b *testing.B) {
	s := storetest.Open(b)
	scratch(b, s)
	write(b, s, "INSERT INTO scratch (id, n, name) VALUES (1, 5, 'Anna')")
	b.ReportAllocs()
	for b.Loop() {
		if number(b, s, "SELECT n FROM scratch WHERE id = $1", 1) != 5 {
			b.Fatal("another number")
		}
	}
}

// BenchmarkReadOneByOne is one client that reads some row after another, each in a snapshot of its own.
func BenchmarkReadOneByOne(b *testing.B) {
	s := storetest.Open(b)
	scratch(b, s)
	const rows = 10_000
	err := s.Write(context.Background(), func(tx *store.Tx) error {
		for n := range rows {
			if _, err := tx.Exec("INSERT INTO scratch (id, data) VALUES ($1, $2)", n+1, make([]byte, 500)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var data []byte
	for n := 0; b.Loop(); n++ {
		err := s.Read(context.Background(), func(tx *store.Tx) error {
			return tx.QueryRow("SELECT data FROM scratch WHERE id = $1", 1+n*7919%rows).Scan(&data)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteWithRoom is BenchmarkWrite's single writer on a log that has its length from the start, as a server's has.
func BenchmarkWriteWithRoom(b *testing.B) {
	s := storetest.OpenWith(b, store.Options{LogRoom: 16 << 20})
	scratch(b, s)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Write(context.Background(), insert); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadRows(b *testing.B) {
	s := storetest.Open(b)
	scratch(b, s)
	for i := range 1000 {
		write(b, s, "INSERT INTO scratch (id, n) VALUES ($1, $2)", i+1, 1<<40+i)
	}
	b.ReportAllocs()
	for b.Loop() { // 1,000 rows of two integers
		err := s.Read(context.Background(), func(tx *store.Tx) error {
			rows, err := tx.Query("SELECT id, n FROM scratch")
			if err != nil {
				return err
			}
			defer rows.Close()
			var row [2]int64
			for rows.Next() {
				if err := rows.Int64s(row[:]); err != nil {
					return err
				}
			}
			return rows.Err()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut8KB(b *testing.B) {
	benchmarkPut(b, func(ctx context.Context, s *store.Store, blob *store.Blob) error { return nil })
}

func BenchmarkPutAndWrite8KB(b *testing.B) {
	benchmarkPut(b, func(ctx context.Context, s *store.Store, blob *store.Blob) error {
		return s.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Reference(blob)
			return err
		})
	})
}

func benchmarkPut(b *testing.B, then func(context.Context, *store.Store, *store.Blob) error) {
	for name, parallel := range map[string]int{"4": 2, "64": 32} { // SetParallelism counts per core; for two of them
		b.Run(name, func(b *testing.B) { benchmarkPuts(b, parallel, then) })
	}
}

func benchmarkPuts(b *testing.B, parallel int, then func(context.Context, *store.Store, *store.Blob) error) {
	s := storetest.Open(b)
	var serial atomic.Uint64
	b.SetParallelism(parallel)
	b.ReportAllocs()
	b.SetBytes(8192)
	b.RunParallel(func(pb *testing.PB) {
		body := make([]byte, 8192)
		mailLike(body)
		for pb.Next() {
			binary.BigEndian.PutUint64(body, serial.Add(1))
			spool := s.NewSpool()
			spool.Write(body)
			blob, err := s.Put(context.Background(), spool)
			if err == nil {
				err = then(context.Background(), s, blob)
				blob.Release()
			}
			spool.Close()
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkAppendBlob4KB(b *testing.B) {
	s := storetest.Open(b)
	body := make([]byte, 4096)
	mailLike(body)
	loc := stored(b, s, body)
	dst := make([]byte, 0, 8192)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := s.AppendBlob(dst, loc); err != nil {
			b.Fatal(err)
		}
	}
}

// stored puts and references a blob and tells where it lies.
func stored(t testing.TB, s *store.Store, body []byte) (loc store.Location) {
	t.Helper()
	blob, err := s.PutBytes(context.Background(), body)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Release()
	err = s.Write(context.Background(), func(tx *store.Tx) error {
		id, err := tx.Reference(blob)
		if err == nil {
			loc, err = tx.Locate(id)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func BenchmarkReference(b *testing.B) {
	s := storetest.Open(b)
	blob, err := s.PutBytes(context.Background(), []byte("known bytes"))
	if err != nil {
		b.Fatal(err)
	}
	defer blob.Release()
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(b.N-done, 1000)
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			for range n {
				if _, err := tx.Reference(blob); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		done += n
	}
}
