import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Gateway } from './claviger.ts'

/** A script for wrk that posts these bodies by turns. Its path. */
export function postScript({ home }: Pick<Gateway, 'home'>, name: string, bodies: readonly string[]): string {
  const file = join(home, '..', `${name}.lua`)
  const list = bodies.map((body) => `[==[${body}]==]`).join(', ')
  const lines = [
    'wrk.method = "POST"',
    'wrk.headers["Content-Type"] = "application/json"',
    `local bodies, at = {${list}}, 0`,
    'request = function() at = at % #bodies + 1; return wrk.format(nil, nil, nil, bodies[at]) end',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  return file
}
