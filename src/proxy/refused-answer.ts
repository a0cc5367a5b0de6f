import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Passage } from './passage.ts'
import type { ParsedHeaders } from './response-head.ts'

/** How the call is made again, where the refused credential has been renewed; undefined where it stays as it is. Never rejects. */
export type Renew = () => Promise<(() => void) | undefined>

/**
 * Stands between the connection and the passage of a call whose credential can be renewed. An answer of 401 waits, unread,
 * until it is known whether there is a new token: then the call is made again, else the answer goes on as it came.
 */
export class RefusedAnswer implements Dispatcher.DispatchHandler {
  readonly #passage: Passage
  readonly #renew: Renew
  /** What the connection said while the answer waits: a connection that its peer closes hands over what it had. */
  #held: (() => void)[] | undefined

  constructor(passage: Passage, renew: Renew) {
    this.#passage = passage
    this.#renew = renew
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#passage.onRequestStart(controller)
  }

  onBodySent(chunk: Buffer): void {
    this.#passage.onBodySent(chunk)
  }

  onRequestSent(): void {
    this.#passage.onRequestSent()
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    service: Socket,
  ): void {
    this.#passage.onRequestUpgrade(controller, status, headers, service)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    text?: string,
  ): void {
    const start = () => this.#passage.onResponseStart(controller, status, headers, text)
    if (status !== 401 || this.#passage.over) {
      start()
      return
    }
    controller.pause()
    this.#held = [start]
    this.#passage.renews()
    this.#renew().then((again) => this.#goOn(controller, again))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#pass(() => this.#passage.onResponseData(controller, chunk))
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: ParsedHeaders): void {
    this.#pass(() => this.#passage.onResponseEnd(controller, trailers))
  }

  onResponseError(controller: Dispatcher.DispatchController, error: unknown): void {
    this.#pass(() => this.#passage.onResponseError(controller, error))
  }

  #pass(said: () => void): void {
    if (this.#held === undefined) said()
    else this.#held.push(said)
  }

  #goOn(controller: Dispatcher.DispatchController, again: (() => void) | undefined): void {
    const held = this.#held ?? []
    this.#held = undefined
    if (this.#passage.over) return
    if (again !== undefined) {
      this.#passage.leaveTo(again)
      return
    }
    for (const said of held) said()
    // Not before: what comes next is told at once.
    controller.resume()
  }
}
