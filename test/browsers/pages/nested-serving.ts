// The worker of the page that kills workers.

import { executorDags } from "heddle/conformance";
import { serve } from "heddle/worker";
import { allNested } from "../../workers/nested.js";

serve(...allNested, ...executorDags);
