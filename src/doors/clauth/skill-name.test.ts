import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NAME_PATTERN } from '../../identity/contract.ts'
import { agentNameOf, isSkillId, skillIdOf } from './skill-name.ts'

describe('agentNameOf()', () => {
  test("is the skill's own name where an agent may have it, and a name of its own where not", () => {
    for (const skill of ['weather', 'a', 'my-skill.v2_x', '0']) assert.equal(agentNameOf(skill), skill)
    const others = [
      'My Skill',
      'MY SKILL',
      'my skill',
      'agent_x',
      'op_x',
      'self',
      'Größe',
      '日本',
      '-a',
      'a-',
      'x'.repeat(100),
    ]
    const names = others.map(agentNameOf)
    for (const name of names) assert.match(name, NAME_PATTERN)
    assert.equal(new Set(names).size, others.length)
    assert.match(agentNameOf('My Skill'), /^skill-my-skill-[0-9a-f]{16}$/)
  })

  test('leads back to the skill, and from an agent that no skill made to its name', () => {
    for (const skill of ['weather', 'My Skill', '日本']) {
      const name = agentNameOf(skill)
      assert.equal(skillIdOf({ name, label: name === skill ? undefined : skill }), skill)
    }
    assert.equal(skillIdOf({ name: 'coder', label: 'My Coder' }), 'coder')
  })

  test('is asked of what people can read in one line', () => {
    for (const skill of ['weather', 'My Skill', '日本']) assert.equal(isSkillId(skill), true)
    for (const bad of ['', ' x', 'x ', 'a\nb', 'a\0', 'a\u202eb', 'x'.repeat(101)]) assert.equal(isSkillId(bad), false)
  })
})
