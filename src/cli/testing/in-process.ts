import { PassThrough } from 'node:stream'
import { run } from '../cli.ts'
import type { Terminal } from '../terminal.ts'
import type { Ended, Started } from './cli-process.ts'

/** Runs one command line in this process, with streams of its own: for tables of many. */
export async function inProcess(args: readonly string[], { env = {}, stdin = '' }: Started = {}): Promise<Ended> {
  const [stdout, stderr, input] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const said = { stdout: '', stderr: '' }
  stdout.on('data', (text) => {
    said.stdout += text
  })
  stderr.on('data', (text) => {
    said.stderr += text
  })
  input.end(stdin)
  const code = await run(args, { env, stdin: input, stdout, stderr } as unknown as Terminal)
  return { code, ...said }
}
