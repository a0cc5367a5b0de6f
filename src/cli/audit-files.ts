import type { Command } from 'commander'
import type { Session } from './verb.ts'

export function auditFileCommands(_audit: Command, _session: Session): void {}
