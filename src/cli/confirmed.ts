import { createInterface } from 'node:readline/promises'
import type { Terminal } from './terminal.ts'

/** Asks a question on the terminal; anything but y or yes is a no. */
export async function confirmed(terminal: Terminal, question: string): Promise<boolean> {
  const asking = createInterface({ input: terminal.stdin, output: terminal.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim())
  } finally {
    asking.close()
  }
}
