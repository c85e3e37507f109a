/**
 * Bytes that are held for clients at a time, against the limit. Bodies of requests are refused where there is no room.
 * Answers that their clients do not take at once are counted when they are there. Streams wait for room, and have half of it at most, so that those who wait leave room for those who cannot.
 *
 * So that streams never wait for each other for good, the one that has waited longest and has nothing under way gets
 * room whatever is held, until that much is given back: all streams together are over their half by one record at most,
 * and by answers, which are counted when they are there.
 */
export class HeldBytes {
  readonly limit: number;
  readonly #streamLimit: number;
  #held = 0;
  #heldByStreams = 0;
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<StreamShare>();
  #favoured: StreamShare | null = null;

  constructor(limit: number) {
    this.limit = limit;
    this.#streamLimit = Math.floor(limit / 2);
  }

  get held(): number {
    return this.#held;
  }

  /** Whether a stream that begins now would wait. */
  get isFullForStreams(): boolean {
    return this.#waiting.size > 0 || !this.#fits(1);
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > this.limit) return false;
    this.#held += bytes;
    return true;
  }

  /** What is there already, whatever is held: then nothing more is taken. */
  add(bytes: number): void {
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    if (this.#waiting.size > 0) this.#serveWaiting();
  }

  /** What one stream holds, from now until it is closed. */
  openShare(): StreamShare {
    return new StreamShare({
      take: (share, bytes) => {
        // Nobody overtakes those who wait.
        if (!(this.#waiting.size === 0 && this.#fits(bytes)) && !this.#favours(share)) return false;
        this.#count(bytes);
        return true;
      },
      add: bytes => this.#count(bytes),
      wait: share => void this.#waiting.add(share),
      release: (share, bytes, isClosed) => {
        this.#heldByStreams -= bytes;
        if (isClosed) this.#waiting.delete(share);
        if (this.#favoured === share && share.held === 0) this.#favoured = null;
        this.release(bytes);
      },
    });
  }

  #count(bytes: number): void {
    this.#held += bytes;
    this.#heldByStreams += bytes;
  }

  #fits(bytes: number): boolean {
    return this.#heldByStreams + bytes <= this.#streamLimit && this.#held + bytes <= this.limit;
  }

  #favours(share: StreamShare): boolean {
    if (this.#fits(0)) this.#favoured = null;
    if (share.underWay > 0 || (this.#favoured ?? share) !== share) return false;
    this.#favoured = share;
    return true;
  }

  #serveWaiting(): void {
    for (const share of [...this.#waiting]) {
      const bytes = share.wantedBytes;
      if (!this.#fits(bytes) && !this.#favours(share)) continue;
      this.#waiting.delete(share);
      this.#count(bytes);
      share.grant();
    }
  }
}

/** How a share reaches the whole. */
interface ShareAccount {
  /** @returns whether there was room */
  take(share: StreamShare, bytes: number): boolean;
  /** Whatever is held. */
  add(bytes: number): void;
  wait(share: StreamShare): void;
  release(share: StreamShare, bytes: number, isClosed: boolean): void;
}

/** What one stream holds: of the record that comes in, and of those that are under way and their answers. */
export class StreamShare {
  readonly #account: ShareAccount;
  #incoming = 0;
  #underWay = 0;
  #waiting: { readonly bytes: number; readonly resolve: () => void } | null = null;
  #isClosed = false;

  constructor(account: ShareAccount) {
    this.#account = account;
  }

  get held(): number {
    return this.#incoming + this.#underWay;
  }

  /** What is given back without anything more coming in. */
  get underWay(): number {
    return this.#underWay;
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  get wantedBytes(): number {
    return this.#waiting?.bytes ?? 0;
  }

  /**
   * Takes room for a piece of the record that comes in; one at a time.
   * @returns null: it is there. Else what resolves when it is, or when the share is closed.
   */
  take(bytes: number): Promise<void> | null {
    if (this.#isClosed) return null;
    if (this.#account.take(this, bytes)) {
      this.#incoming += bytes;
      return null;
    }
    return new Promise(resolve => {
      this.#waiting = { bytes, resolve };
      this.#account.wait(this);
    });
  }

  /** The room that was waited for is there. */
  grant(): void {
    this.#incoming += this.wantedBytes;
    this.#wake();
  }

  /** The record is whole and goes under way. */
  handOn(bytes: number): void {
    if (this.#isClosed) return;
    this.#incoming -= bytes;
    this.#underWay += bytes;
  }

  /** Gives back what came in and was not handed on. */
  dropIncoming(): void {
    const bytes = this.#incoming;
    this.#incoming = 0;
    if (bytes > 0) this.#account.release(this, bytes, false);
  }

  /** Counts what is under way beside the records: answers. */
  add(bytes: number): void {
    if (this.#isClosed) return;
    this.#underWay += bytes;
    this.#account.add(bytes);
  }

  /** Of what is under way. */
  release(bytes: number): void {
    if (this.#isClosed) return;
    this.#underWay -= bytes;
    this.#account.release(this, bytes, false);
  }

  /** Gives everything back; nothing is counted from then on. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const bytes = this.held;
    this.#incoming = 0;
    this.#underWay = 0;
    this.#account.release(this, bytes, true);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve();
  }
}
