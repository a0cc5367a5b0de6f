import { createHash } from 'node:crypto'
import { NAME_PATTERN } from '../../identity/contract.ts'

/** What a skill may be called: anything that people can read, in one line. */
const SKILL_ID = /^\P{C}{1,100}$/u

export function isSkillId(text: string): boolean {
  return SKILL_ID.test(text) && text === text.trim()
}

/**
 * The agent of a skill. One that is named like an agent is that agent; any other gets an agent whose name tells skills
 * apart that differ in one letter or its case, and that keeps the skill's own name as its label.
 */
export function agentNameOf(skillId: string): string {
  if (NAME_PATTERN.test(skillId)) return skillId
  const plain = skillId
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32)
  const mark = createHash('sha256').update(skillId).digest('hex').slice(0, 16)
  return plain === '' ? `skill-${mark}` : `skill-${plain.replace(/-+$/, '')}-${mark}`
}

/** What the skill of an agent is called. */
export function skillIdOf({ name, label }: { readonly name: string; readonly label: string | undefined }): string {
  return label !== undefined && agentNameOf(label) === name ? label : name
}
