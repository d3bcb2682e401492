// Package samplepack is the samples of one series as bytes: about one byte a sample where values are counts or have few
// decimals and scrapes are regular, and unpacked in a nanosecond or two each.
//
// What belongs here: the encoding. What does not: where packs are kept and whether they are still all there is of a
// series, which is package samplestore's.
//
//	pack    = uvarint count · integers of the times · values
//	values  = byte kind · integers (kind 0: the values; kind 1-15: values × 10^kind)
//	        | byte 255  · floats
//	integers = zigzag first · block of up to 64 differences, …
//	block    = zigzag least · byte width · differences less the least, width bits each, from the lowest bit of a byte on
//	floats   = 8 bytes first · block of up to 64, …
//	block    = byte shift · byte width · (bits XOR bits before) >> shift, width bits each
//
// A width is 0 to 57, so that a number is always within the eight bytes its first bit is in, or 64: whole words.
package samplepack
