// The worker of the cases on executors, in whatever runtime.

import { executorContext, executorDags } from "heddle/conformance";
import { serve } from "heddle/worker";

serve(...executorDags, { context: executorContext });
