import { spawnSync } from 'node:child_process'

/** Why commands cannot be isolated here; undefined where they can. */
export function noBubblewrap(): string | undefined {
  const wanted = ['--unshare-user', '--unshare-net', '--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', 'true']
  const { error, status, stderr } = spawnSync('bwrap', wanted, { encoding: 'utf8' })
  if (error !== undefined) return 'bubblewrap is not installed'
  return status === 0 ? undefined : `bubblewrap cannot make namespaces here: ${stderr.trim()}`
}
