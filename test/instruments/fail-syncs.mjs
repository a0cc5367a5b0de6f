// Loaded before the gateway: while the file that FAULT_FILE names is there, the log meets a full disk (`full` in it), or one
// whose syncs fail.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { fdatasync, write } = fs
const failed = (code, syscall) => Object.assign(new Error(`${code}: ${syscall}`), { code, syscall })
const fault = () => (fs.existsSync(process.env.FAULT_FILE) ? fs.readFileSync(process.env.FAULT_FILE, 'utf8') : '')

fs.fdatasync = (fd, done) => {
  if (fault() === 'sync') setImmediate(done, failed('EIO', 'fdatasync'))
  else fdatasync(fd, done)
}
fs.write = (...given) => {
  if (fault() === 'full') setImmediate(given.at(-1), failed('ENOSPC', 'write'))
  else write(...given)
}
syncBuiltinESMExports()
