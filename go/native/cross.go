package native

// windowedPartMax is how many items of a call of many cross together when they are deduplicated.
const windowedPartMax = 1024

// crossIfDue has a shard cross that has gathered enough, or at once if a handler waits for work in drain mode.
func (e *engine) crossIfDue(s *shard) {
	if s.itemsLeft == 0 || e.settings.drain && e.idle.Load() > 0 {
		e.cross(s)
	}
}

// cross hands what the locked shard has gathered to the core, and its unused credit back. The core has room: its bound
// is wider than the budget.
func (e *engine) cross(s *shard) {
	if s.count > 0 {
		e.crossings.Add(1)
		accepted, status := e.putGathered(s)
		if accepted < s.count {
			e.lose(s, accepted, status)
		}
	}
	if s.itemsLeft > 0 || s.bytesLeft > 0 {
		e.budget.giveBack(s.itemsLeft, s.bytesLeft)
	}
	s.clear()
}

func (e *engine) putGathered(s *shard) (int, int32) {
	if e.settings.recordSize > 0 {
		return corePutRecords(e.core, s.buf, s.count)
	}
	return corePutPacked(e.core, s.buf, s.sizes)
}

// lose settles items that were accepted here and then refused by the core, which only a defect can cause: they have
// failed.
func (e *engine) lose(s *shard, accepted int, status int32) {
	lost, bytes := s.count-accepted, 0
	for _, size := range s.sizes[min(accepted, len(s.sizes)):] {
		bytes += int(size)
	}
	bytes += lost * e.settings.recordSize
	e.counts.lost.Add(uint64(lost))
	e.budget.giveBack(lost, bytes)
	// The hook may put, and this shard is locked.
	go e.reportLost(lost, coreError("bl_put_packed", status))
}

// crossAlone hands one item to the core, whose credit is leased.
func (e *engine) crossAlone(s *shard, item []byte) error {
	e.crossings.Add(1)
	status := corePut(e.core, item)
	if status == coreOK {
		return nil
	}
	e.budget.giveBack(1, len(item))
	return e.refusal("bl_put", status)
}

// refusal is why the core did not accept an item. The core has counted it.
func (e *engine) refusal(call string, status int32) error {
	switch status {
	case coreDuplicate:
		return ErrDuplicate
	case coreWindowFull:
		return ErrWindowFull
	case coreClosed:
		return ErrClosed
	}
	return coreError(call, status)
}

// crossPart hands some items, from the first on, to the core of a batcher with a window. Returns how many were tried,
// none if there is no room, and how many of those were accepted.
func crossPart[M many](e *engine, s *shard, items M, first int) (int, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		e.counts.refused.Add(1)
		return 1, 0, ErrClosed
	}
	wanted := min(items.len()-first, windowedPartMax)
	for i := range wanted {
		if e.isTooLarge(len(items.item(first + i))) {
			e.counts.refused.Add(1)
			return 1, 0, ErrTooLarge
		}
	}
	tried, _ := e.budget.lease(wanted, 0, 0)
	if tried == 0 {
		return 0, 0, nil
	}
	s.itemsLeft = tried
	for i := range tried {
		s.add(items.item(first+i), e.settings.recordSize > 0)
	}
	e.crossings.Add(1)
	taken, status := e.putGathered(s)
	s.clear()
	if status == coreOK {
		return tried, taken, nil
	}
	e.budget.giveBack(tried-taken, 0)
	return tried, taken, e.refusal("bl_put_packed", status)
}

// crossAll has every shard cross. When it returns, whatever was put before it was called is in the core.
func (e *engine) crossAll() {
	for i := range e.shards {
		s := &e.shards[i]
		s.mu.Lock()
		e.cross(s)
		s.mu.Unlock()
	}
}

// arm lets the timer visit the shards, after an item was put that waits; its shard is locked.
func (e *engine) arm() {
	if e.gatherItems > 1 && !e.isArmed.Load() && e.isArmed.CompareAndSwap(false, true) {
		e.timer.Reset(e.gatherWait)
	}
}

// onTimer has everything cross that waits. Whoever opens a shard after the first line arms the timer again; whoever did
// before has its items seen by the visit.
func (e *engine) onTimer() {
	e.isArmed.Store(false)
	e.crossAll()
}

// sealNow has the core seal what waits, and waits for nothing.
func (e *engine) sealNow() {
	if e.life.acquire() {
		coreFlush(e.core, 0)
		e.release()
	}
}
