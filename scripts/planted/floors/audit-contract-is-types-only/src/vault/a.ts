export { value } from '../audit/contract.ts'
