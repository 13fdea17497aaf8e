// Package pack keeps blobs in append-only files ("packs"): framed, checksummed and compressed with zstd.
//
// A [Set] is one folder of packs. Append makes a blob durable together with all others that wait for the
// same fsync and tells its [Location]; whoever keeps the Location can read the blob back, whole or in part.
// The package does not know which blobs are alive: the room store keeps the table of blobs.
//
// File format (all numbers little endian):
//
//	pack   = 16 bytes "SHPACK1\n", kind (1 shared, 2 single), 7 zero bytes; then frames without gaps
//	frame  = 64 bytes header, payload
//	header = "SHF1", form (0 raw, 1 zstd, 2 chunked, 3 tailed), 3 zero bytes, payload length u64, blob size u64,
//	         SHA-256 of the blob, CRC-32C of the payload (chunked, tailed: of the table), CRC-32C of the 60 bytes before
//	chunked payload = table with one entry per 256 KiB of the blob (stored length u32 with the top bit set
//	         when raw, CRC-32C u32), then the stored chunks
//	tailed payload = the chunks, all raw, then such a table
//
// A blob of at most 256 KiB is one raw or zstd frame. A larger one is chunked, so that a range decompresses
// little. One above 8 MiB is the only frame of its own pack and tailed: it is written in this form while it
// arrives ([Draft]). Older packs of one frame are chunked with raw chunks.
package pack
