import { join } from 'node:path'
import { CREDENTIAL, ended, firstLine, PROXY_CORE, pinned, type Subject } from './subject.ts'

/** A Node peer from `bench/subjects/`, in its own process on the proxy's core. */
export async function startNodePeer(
  name: string,
  script: string,
  port: number,
  upstreamPort: number,
): Promise<Subject> {
  const file = join(import.meta.dirname, 'subjects', script)
  const child = pinned(PROXY_CORE, process.execPath, [file, String(port), String(upstreamPort), CREDENTIAL])
  await firstLine(child, (line) => line === 'ready')
  return {
    name,
    url: `http://127.0.0.1:${port}/v1/items`,
    headers: [],
    pids: [child.pid as number],
    stop: () => ended(child),
  }
}
