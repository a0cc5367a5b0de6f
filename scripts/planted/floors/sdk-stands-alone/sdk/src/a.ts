export { value } from '../../src/ground/a.ts'
