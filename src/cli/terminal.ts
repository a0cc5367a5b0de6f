// What a command may touch of its process: environment, standard streams. Results on stdout, talk on stderr.
import { escapeControls } from '../ground/escape-controls.ts'

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** What files are made with by commands that it runs; ours are for their owner alone. */
  readonly umask?: number
}

export const processTerminal: Terminal = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
}

/** Text for people, line by line, with everything escaped that could drive a terminal. */
export function safeText(text: string): string {
  return text.split('\n').map(escapeControls).join('\n')
}

/** JSON that is the same value, with the characters escaped that JSON leaves alone and a terminal does not. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Talk: what is going on, never a result. */
export function say(terminal: Terminal, text: string): void {
  terminal.stderr.write(`${safeText(text)}\n`)
}

/** Writes to a stream and waits until it took the bytes, so that a slow pipe slows us down. */
export function write(stream: NodeJS.WriteStream, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
