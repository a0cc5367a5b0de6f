import type { Dispatcher } from 'undici'
import type { Writable } from './recipient.ts'
import type { BodyTransform } from './transform.ts'

/** Who hears how the flow goes. */
export interface FlowOwner {
  /** Bytes went on after a wait. */
  moved(): void
  /** Everything has been handed to the answer. */
  flowed(): void
  /** The transform threw: the rest must not be sent. */
  broke(error: unknown): void
}

/** The body of an answer from the service's connection through its transform to the caller, one chunk at a time. */
export class BodyFlow {
  readonly #answer: Writable
  readonly #transform: BodyTransform | undefined
  readonly #owner: FlowOwner
  /** Chunks that came while the transform or the caller was at work; undefined when neither is. */
  #waiting: Buffer[] | undefined
  #ended = false
  #stopped = false

  constructor(answer: Writable, transform: BodyTransform | undefined, owner: FlowOwner) {
    this.#answer = answer
    this.#transform = transform
    this.#owner = owner
  }

  /** Whether bytes go on other than they came. */
  get transforms(): boolean {
    return this.#transform !== undefined
  }

  push(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stopped) return
    // A connection that is closed by its peer hands over what it had, paused or not.
    if (this.#waiting !== undefined) this.#waiting.push(chunk)
    else this.#pass(controller, chunk)
  }

  /** There will be no more chunks. */
  end(): void {
    this.#ended = true
    if (this.#waiting === undefined) this.#flush()
  }

  /** The call is over: nothing more is passed on. May be called twice. */
  stop(): void {
    this.#stopped = true
    this.#waiting = undefined
    this.#transform?.destroy?.()
  }

  #pass(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    let wait: void | Promise<void>
    try {
      wait = this.#transform === undefined ? this.#answer.write(chunk) : this.#transform.push(chunk, this.#emit)
    } catch (error) {
      this.#owner.broke(error)
      return
    }
    if (wait === undefined) return
    controller.pause()
    this.#waiting = []
    wait.then(() => this.#passOn(controller)).catch((error) => this.#owner.broke(error))
  }

  /** Ready again: what came meanwhile goes first, then the service may go on. */
  #passOn(controller: Dispatcher.DispatchController): void {
    if (this.#stopped) return
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#owner.moved()
    while (waiting.length > 0 && !this.#stopped) {
      this.#pass(controller, waiting.shift() as Buffer)
      if (this.#waiting === undefined) continue
      this.#waiting = waiting
      return
    }
    if (this.#stopped) return
    if (this.#ended) this.#flush()
    else controller.resume()
  }

  #flush(): void {
    try {
      const wait = this.#transform?.flush(this.#emit)
      if (wait === undefined) this.#owner.flowed()
      else {
        this.#waiting = []
        wait.then(() => this.#owner.flowed()).catch((error) => this.#owner.broke(error))
      }
    } catch (error) {
      this.#owner.broke(error)
    }
  }

  readonly #emit = (chunk: Buffer): void | Promise<void> => this.#answer.write(chunk)
}
