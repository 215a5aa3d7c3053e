package hash

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/blake2b"
)

// argon2Version is the only version of Argon2 in use, 1.3.
const argon2Version = 0x13

// The variants of Argon2 by their number (RFC 9106 section 3.2).
const (
	argon2i  = 1
	argon2id = 2
)

// sliceCount is into how many parts a lane is divided (RFC 9106 section 3.4).
const sliceCount = 4

// block is Argon2's unit of memory, 1 KiB.
type block [128]uint64

// memory is what Argon2 fills. A worker keeps it from one hash to the next:
// getting so much from the system takes as long as part of the hash itself.
type memory struct{ blocks []block }

// take gives n blocks with undefined content.
func (m *memory) take(n int) []block {
	if n > cap(m.blocks) {
		m.blocks = nil // so that old and new are never held together
		m.blocks = make([]block, n)
	}
	return m.blocks[:n]
}

// release lets the memory go.
func (m *memory) release() { m.blocks = nil }

// argon2 is the function of RFC 9106 section 3.2 without secret and associated
// data. It computes one lane after the other on the calling thread; the result
// is the same as when they are computed side by side. The salt length of the
// parameters is not used. Like the other implementation in Go, it takes less
// memory than 8 KiB for each lane to mean 8 KiB.
func argon2(variant uint64, password string, salt []byte, a Argon2, mem *memory) []byte {
	lanes := a.Parallelism
	segment := max(a.MemoryKiB/(sliceCount*lanes), 2) // blocks of one slice of one lane
	g := grid{variant: variant, lanes: lanes, segment: segment, lane: sliceCount * segment, passes: a.Iterations}
	g.blocks = mem.take(lanes * g.lane)

	h0 := argon2Start(variant, password, salt, a)
	var start [1024]byte
	for lane := range lanes {
		for n := range 2 {
			seed := binary.LittleEndian.AppendUint32(h0, uint32(n))
			seed = binary.LittleEndian.AppendUint32(seed, uint32(lane))
			longHash(start[:], seed)
			first := &g.blocks[lane*g.lane+n]
			for i := range first {
				first[i] = binary.LittleEndian.Uint64(start[8*i:])
			}
		}
	}
	for pass := range a.Iterations {
		for slice := range sliceCount {
			for lane := range lanes {
				g.fill(pass, slice, lane)
			}
		}
	}

	var last block
	for lane := range lanes {
		for i, word := range g.blocks[(lane+1)*g.lane-1] {
			last[i] ^= word
		}
	}
	end := make([]byte, 0, 1024)
	for _, word := range last {
		end = binary.LittleEndian.AppendUint64(end, word)
	}
	key := make([]byte, a.KeyLength)
	longHash(key, end)
	return key
}

// argon2Start is H_0 of RFC 9106 section 3.2, with room for the two numbers
// that are appended to it.
func argon2Start(variant uint64, password string, salt []byte, a Argon2) []byte {
	var in []byte
	number := func(n int) { in = binary.LittleEndian.AppendUint32(in, uint32(n)) }
	number(a.Parallelism)
	number(a.KeyLength)
	number(a.MemoryKiB)
	number(a.Iterations)
	number(argon2Version)
	number(int(variant))
	number(len(password))
	in = append(in, password...)
	number(len(salt))
	in = append(in, salt...)
	number(0) // no secret
	number(0) // no associated data
	h0 := blake2b.Sum512(in)
	return h0[:]
}

// longHash fills out with H' of RFC 9106 section 3.3: BLAKE2b for any length.
func longHash(out, in []byte) {
	prefixed := append(binary.LittleEndian.AppendUint32(nil, uint32(len(out))), in...)
	if len(out) <= blake2b.Size {
		shortHash(out, prefixed)
		return
	}
	v := blake2b.Sum512(prefixed)
	for len(out) > blake2b.Size {
		// Half of each hash is used, until the rest fits into one.
		out = out[copy(out, v[:blake2b.Size/2]):]
		if len(out) > blake2b.Size {
			v = blake2b.Sum512(v[:])
		}
	}
	shortHash(out, v[:])
}

// shortHash fills out, 1 to 64 bytes, with the BLAKE2b hash of that length.
func shortHash(out, in []byte) {
	h, err := blake2b.New(len(out), nil)
	if err != nil {
		panic(err) // the length is wrong, which parse and Params exclude
	}
	h.Write(in)
	h.Sum(out[:0])
}

// grid is the memory matrix of RFC 9106 section 3.2: lanes × lane blocks, lane
// after lane. Lengths are in blocks.
type grid struct {
	blocks  []block
	variant uint64
	lanes   int
	lane    int // length of a lane
	segment int // length of a slice of a lane
	passes  int
}

// fill computes one segment (RFC 9106 section 3.1.2 and 3.4).
func (g *grid) fill(pass, slice, lane int) {
	// Argon2i, and Argon2id in its first half pass, choose the blocks to mix
	// from numbers that do not depend on the password.
	independent := g.variant == argon2i || g.variant == argon2id && pass == 0 && slice < sliceCount/2
	var zero, addresses block
	counter := block{uint64(pass), uint64(lane), uint64(slice), uint64(len(g.blocks)), uint64(g.passes), g.variant}

	first := 0
	if pass == 0 && slice == 0 {
		first = 2 // made from the password
	}
	for i := first; i < g.segment; i++ {
		at := lane*g.lane + slice*g.segment + i
		previous := at - 1
		if slice == 0 && i == 0 {
			previous += g.lane
		}
		var random uint64
		if independent {
			if i == first || i%len(addresses) == 0 {
				counter[6]++
				compress(&addresses, &zero, &counter, false)
				compress(&addresses, &zero, &addresses, false)
			}
			random = addresses[i%len(addresses)]
		} else {
			random = g.blocks[previous][0]
		}
		reference := g.reference(random, pass, slice, lane, i)
		compress(&g.blocks[at], &g.blocks[previous], &g.blocks[reference], pass > 0)
	}
}

// reference maps a random word to the block that is mixed into block i of a
// segment (RFC 9106 section 3.4.2).
func (g *grid) reference(random uint64, pass, slice, lane, i int) int {
	from := int((random >> 32) % uint64(g.lanes))
	if pass == 0 && slice == 0 {
		from = lane // the other lanes have nothing yet
	}
	// The candidates are the segments that are complete, and in the own lane
	// also those of this segment, without the block just before this one.
	start, count := 0, slice*g.segment
	if pass > 0 {
		start, count = ((slice+1)%sliceCount)*g.segment, (sliceCount-1)*g.segment
	}
	if from == lane {
		count += i - 1
	} else if i == 0 {
		count--
	}
	// Younger blocks are more likely.
	x := random & 0xffffffff
	x = x * x >> 32
	back := int(uint64(count) * x >> 32)
	return from*g.lane + (start+count-1-back)%g.lane
}

// compress is G of RFC 9106 section 3.5: it mixes a and b into out, or, from
// the second pass on, adds the mix to what out holds. out may be a or b.
func compress(out, a, b *block, add bool) {
	var q block
	for i := range q {
		q[i] = a[i] ^ b[i]
	}
	for i := range 8 { // the rows of 8 pairs of words, then the columns
		permute(&q, 16*i, 2)
	}
	for i := range 8 {
		permute(&q, 2*i, 16)
	}
	if add {
		for i := range out {
			out[i] ^= a[i] ^ b[i] ^ q[i]
		}
		return
	}
	for i := range out {
		out[i] = a[i] ^ b[i] ^ q[i]
	}
}

// permute is P of RFC 9106 section 3.6 on eight pairs of words, the first at
// start, each stride words after the one before.
func permute(q *block, start, stride int) {
	const mask = 127 // changes nothing, but tells the compiler that all is in bounds
	p0, p1, p2, p3 := start&mask, (start+stride)&mask, (start+2*stride)&mask, (start+3*stride)&mask
	p4, p5, p6, p7 := (start+4*stride)&mask, (start+5*stride)&mask, (start+6*stride)&mask, (start+7*stride)&mask
	o0, o1, o2, o3 := (p0+1)&mask, (p1+1)&mask, (p2+1)&mask, (p3+1)&mask
	o4, o5, o6, o7 := (p4+1)&mask, (p5+1)&mask, (p6+1)&mask, (p7+1)&mask
	v0, v1, v2, v3, v4, v5, v6, v7 := q[p0], q[o0], q[p1], q[o1], q[p2], q[o2], q[p3], q[o3]
	v8, v9, v10, v11, v12, v13, v14, v15 := q[p4], q[o4], q[p5], q[o5], q[p6], q[o6], q[p7], q[o7]

	v0, v4, v8, v12 = halfMix(v0, v4, v8, v12, 32, 24)
	v0, v4, v8, v12 = halfMix(v0, v4, v8, v12, 16, 63)
	v1, v5, v9, v13 = halfMix(v1, v5, v9, v13, 32, 24)
	v1, v5, v9, v13 = halfMix(v1, v5, v9, v13, 16, 63)
	v2, v6, v10, v14 = halfMix(v2, v6, v10, v14, 32, 24)
	v2, v6, v10, v14 = halfMix(v2, v6, v10, v14, 16, 63)
	v3, v7, v11, v15 = halfMix(v3, v7, v11, v15, 32, 24)
	v3, v7, v11, v15 = halfMix(v3, v7, v11, v15, 16, 63)

	v0, v5, v10, v15 = halfMix(v0, v5, v10, v15, 32, 24)
	v0, v5, v10, v15 = halfMix(v0, v5, v10, v15, 16, 63)
	v1, v6, v11, v12 = halfMix(v1, v6, v11, v12, 32, 24)
	v1, v6, v11, v12 = halfMix(v1, v6, v11, v12, 16, 63)
	v2, v7, v8, v13 = halfMix(v2, v7, v8, v13, 32, 24)
	v2, v7, v8, v13 = halfMix(v2, v7, v8, v13, 16, 63)
	v3, v4, v9, v14 = halfMix(v3, v4, v9, v14, 32, 24)
	v3, v4, v9, v14 = halfMix(v3, v4, v9, v14, 16, 63)

	q[p0], q[o0], q[p1], q[o1], q[p2], q[o2], q[p3], q[o3] = v0, v1, v2, v3, v4, v5, v6, v7
	q[p4], q[o4], q[p5], q[o5], q[p6], q[o6], q[p7], q[o7] = v8, v9, v10, v11, v12, v13, v14, v15
}

// halfMix is half of the function GB of RFC 9106 section 3.6, which does this
// twice with other rotations. Half of it is small enough to be inlined.
func halfMix(a, b, c, d uint64, turnD, turnB int) (uint64, uint64, uint64, uint64) {
	a += b + 2*uint64(uint32(a))*uint64(uint32(b))
	d = bits.RotateLeft64(d^a, -turnD)
	c += d + 2*uint64(uint32(c))*uint64(uint32(d))
	b = bits.RotateLeft64(b^c, -turnB)
	return a, b, c, d
}
