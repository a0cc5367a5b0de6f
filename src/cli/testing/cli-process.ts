import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
}

const command = join(import.meta.dirname, '..', '..', '..', 'bin', 'claviger.js')

/** Runs `claviger args` as a process of its own, without any CLAVIGER_ variable but those given. */
export function claviger(args: readonly string[], { env = {}, stdin = '' }: Started = {}): Promise<Ended> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CLAVIGER_')))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], { env: { ...clean, ...env } })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...said }))
    child.stdin.on('error', () => {}) // it may end before it read everything
    child.stdin.end(stdin)
  })
}
