import { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { until } from './wait.ts'

export interface HeardEvent {
  readonly event: string
  readonly data: Record<string, unknown>
}

export interface ReaderOptions {
  readonly port?: number
  readonly socketPath?: string
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
}

/** Reads a stream of server-sent events, as a program would: WHATWG HTML §9.2.6, as far as the gateway uses it. */
export class EventReader {
  readonly events: HeardEvent[] = []
  /** Lines that keep the connection alive. */
  comments = 0
  /** How it ended: in good order, or cut in its middle. */
  ended: 'end' | 'cut' | undefined
  readonly response: IncomingMessage
  readonly #request: ClientRequest
  #rest = ''

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#request = sent
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => this.#take(text))
    response.on('end', () => {
      this.ended ??= 'end'
    })
    for (const how of ['error', 'aborted', 'close'])
      response.on(how, () => {
        this.ended ??= 'cut'
      })
  }

  /** Resolves with the head, whatever its status. */
  static open({ path, ...where }: ReaderOptions): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', ...where, path, agent: false })
      sent.once('error', reject)
      sent.once('response', (response) => {
        sent.off('error', reject).on('error', () => {})
        resolve(new EventReader(sent, response))
      })
      sent.end()
    })
  }

  get status(): number | undefined {
    return this.response.statusCode
  }

  named(name: string): HeardEvent[] {
    return this.events.filter(({ event }) => event === name)
  }

  /** The first of that name, once it is there. */
  async heard(name: string): Promise<Record<string, unknown>> {
    await until(() => this.named(name).length > 0)
    return (this.named(name)[0] as HeardEvent).data
  }

  /** How it ended, and what the last event says. */
  async end(): Promise<{ how: string; last: HeardEvent | undefined }> {
    await until(() => this.ended !== undefined)
    return { how: this.ended as string, last: this.events.at(-1) }
  }

  /** The problem's code, where the answer is no stream. */
  async code(): Promise<string> {
    await until(() => this.ended !== undefined)
    return (JSON.parse(this.#rest) as { code: string }).code
  }

  leave(): void {
    this.#request.destroy()
  }

  [Symbol.dispose](): void {
    this.leave()
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split('\n')
      this.comments += lines.filter((line) => line.startsWith(':')).length
      const read = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const [event, data] = [read('event'), read('data')]
      if (event !== undefined && data !== undefined) this.events.push({ event, data: JSON.parse(data) })
    }
  }
}
