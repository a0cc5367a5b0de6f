import { spawn } from 'node:child_process' // planted
import type { ChildProcess } from 'node:child_process'

export const start = (): ChildProcess => spawn('true')
await import('cluster') // planted
