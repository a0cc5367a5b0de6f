import { spawnSync } from 'node:child_process'

const nobody = 65_534

/** Why another user cannot be played here, or undefined. */
export function noOtherUser(): string | undefined {
  if (process.getuid?.() !== 0) return 'becoming another user needs root'
  return asNobody('true').error === undefined ? undefined : 'setpriv is not installed'
}

/** Runs a program as `nobody`, without any group of ours. */
export function asNobody(command: string, ...args: string[]) {
  const identity = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  return spawnSync('setpriv', [...identity, command, ...args], { encoding: 'utf8' })
}
