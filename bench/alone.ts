import { setTimeout as sleep } from 'node:timers/promises'
import type { Subject } from './subject.ts'

/** For what a load leaves behind: an outcome's sync, a checkpoint. Milliseconds. */
const SETTLE_MS = 200

/** Stops the other subjects while one is measured: they share its core, and some have work to do after a load. */
export async function alone<T>(subject: Subject, all: readonly Subject[], work: () => Promise<T>): Promise<T> {
  // Two subjects may be one process, reached in two ways.
  const others = all.flatMap(({ pids }) => pids).filter((pid) => !subject.pids.includes(pid))
  for (const pid of others) process.kill(pid, 'SIGSTOP')
  try {
    return await work()
  } finally {
    await sleep(SETTLE_MS)
    for (const pid of others) process.kill(pid, 'SIGCONT')
  }
}
