// A body that is sent as it comes. Whoever gives it hears when nobody takes any more: platforms forget to say so when an answer
// came before the body was complete, and a file or a socket behind it would stay open.
import type { FetchBody } from '../platform.ts'

export class Upload {
  readonly body: FetchBody
  readonly #source: AsyncIterator<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>) {
    const chunks = source instanceof ReadableStream ? chunksOf(source) : source
    this.#source = chunks[Symbol.asyncIterator]()
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
      pull: async (controller) => {
        const { done, value } = await this.#source.next()
        if (this.#controller === undefined) return
        if (done !== true) return controller.enqueue(value)
        this.#controller = undefined
        controller.close()
      },
      cancel: () => this.stop(),
    })
    this.body = stream as FetchBody
  }

  /** Takes no more. Harmless when all was taken. */
  stop(): void {
    const controller = this.#controller
    if (controller === undefined) return
    this.#controller = undefined
    try {
      controller.error(new Error('the call is over'))
    } catch {
      // It was cancelled already.
    }
    // What the source does when it is told to end is its own affair.
    void Promise.resolve(this.#source.return?.()).catch(() => undefined)
  }
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  let over = false
  try {
    while (!over) {
      const { done, value } = await reader.read()
      over = done
      if (value !== undefined) yield value
    }
  } finally {
    if (!over) await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}
