package native

import (
	"fmt"
	"sync"

	batchline "github.com/batchline/batchline/go"
)

// ClaimMany is IsNew for many keys, which share a crossing: up to 1024 of them, or 32 KiB. isNew, which must be as long
// as keys, gets the answer for each, and the number is how many were new. Keys are looked at in their order: of two
// that are equal, the second is a duplicate.
//
// Errors: ErrWindowFull, when some of the keys were neither new nor duplicates but did not fit in any more: isNew is
// false for those, too, and Contains tells them apart; all others were looked at. ErrClosed, *batchline.SettingError.
func (d *Dedup) ClaimMany(keys [][]byte, isNew []bool) (int, error) {
	if len(isNew) != len(keys) {
		allowed := fmt.Sprintf("%d, the number of keys", len(keys))
		return 0, &batchline.SettingError{Field: "len(isNew)", Value: len(isNew), Allowed: allowed}
	}
	clear(isNew)
	if !d.visits.enter() {
		return 0, ErrClosed
	}
	defer d.leave()
	p := packings.Get().(*packing)
	defer packings.Put(p)
	news, noRoom, err := p.claimAll(d.core, keys, isNew)
	if err == nil && noRoom > 0 {
		err = fmt.Errorf("%w: no room for %d of %d keys", ErrWindowFull, noRoom, len(keys))
	}
	return news, err
}

// packing is where keys lie one behind the other when they cross, and where the answers come to.
type packing struct {
	keys     []byte
	sizes    []uint32
	statuses []int32
}

// packings lends one to each call that runs.
var packings = sync.Pool{New: func() any { return new(packing) }}

// claimAll claims keys, one crossing after the other. Returns how many were new, and for how many there was no room.
func (p *packing) claimAll(window coreWindow, keys [][]byte, isNew []bool) (news, noRoom int, err error) {
	for done := 0; done < len(keys); {
		statuses, err := p.claim(window, keys[done:])
		if err != nil {
			return news, noRoom, err
		}
		for i, status := range statuses {
			switch status {
			case coreOK:
				isNew[done+i] = true
				news++
			case coreWindowFull:
				noRoom++
			}
		}
		done += len(statuses)
	}
	return news, noRoom, nil
}

// claim claims as many keys, from the first one on, as cross together. Returns their statuses, which are valid until
// the next call.
func (p *packing) claim(window coreWindow, keys [][]byte) ([]int32, error) {
	if len(keys[0]) >= directBytesMin {
		return p.claimAlone(window, keys[0])
	}
	p.keys, p.sizes = p.keys[:0], p.sizes[:0]
	for _, key := range keys[:min(len(keys), windowedPartMax)] {
		if len(key) >= directBytesMin || len(p.keys)+len(key) > gatherBytesMax {
			break
		}
		p.keys = append(p.keys, key...)
		p.sizes = append(p.sizes, uint32(len(key)))
	}
	if cap(p.statuses) < len(p.sizes) {
		p.statuses = make([]int32, cap(p.sizes))
	}
	statuses := p.statuses[:len(p.sizes)]
	if status := coreWindowClaimPacked(window, p.keys, p.sizes, statuses); status != coreOK {
		return nil, coreError("bl_window_claim_packed", status)
	}
	return statuses, nil
}

// claimAlone claims a large key from where its owner has it.
func (p *packing) claimAlone(window coreWindow, key []byte) ([]int32, error) {
	status := coreWindowClaim(window, key)
	if err := claimError(status); err != nil && err != ErrDuplicate && err != ErrWindowFull {
		return nil, err
	}
	p.statuses = append(p.statuses[:0], status)
	return p.statuses, nil
}
