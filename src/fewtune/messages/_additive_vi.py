"""Câu tiếng Việt về những phương pháp thêm vào dòng tính toán của mô hình."""

SENTENCES: dict[str, str] = {
    "bottleneck_no_layers": "phương pháp 'bottleneck' đứng sau lớp cuối của phần chú ý (attention) và phần truyền thẳng (feed-forward), nhưng không nhận ra {missing} "
    "trong {model}; chỉ nhận ra các lớp: {roles}; hãy chọn --method lora",
    "prompt_no_reader": "phương pháp '{method}' đứng trước các token đã nhúng, mà {model} có phần không nhận token (nó đọc ảnh hoặc âm thanh); "
    "hãy chọn --method lora, hoặc --method bottleneck",
    "prompt_too_long": "method.tokens={tokens}, nhưng {model} chỉ có {positions} vị trí cho cả prompt lẫn văn bản; hãy chọn ít token hơn",
    "prompt_no_text": "method.start=text lấy các token của method.words, nhưng trong '{text}' không có token nào; hãy cho một văn bản, hoặc chọn method.start=vocabulary",
    "prompt_unread": "văn bản của method.start=text chưa được đọc; trong Python: adapt(model, method.read(tokenizer))",
    "prompt_packed": "phương pháp '{method}' không đứng được trước các văn bản ghép chung: chỉ văn bản đầu tiên thấy nó; hãy đặt task.packing=false",
    "prefix_no_attention": "phương pháp 'prefix_tuning' đặt key và value vào phần chú ý (attention) kiểu '{needed}', mà của {model} tính kiểu '{used}', "
    "không có chỗ cho key không thuộc token nào; hãy chọn --method prompt_tuning, hoặc --method lora",
    "prompt_mask": "prompt mềm cần attention_mask dạng (hàng, token), hoặc không có, nhưng mô hình này nhận dạng khác; hãy sinh văn bản không dùng bộ nhớ đệm tĩnh",
}
